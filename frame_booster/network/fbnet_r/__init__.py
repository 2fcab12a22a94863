"""FBNet-R: matching without weights, a learned correction from coarse to fine, fusion of warped RGB."""
