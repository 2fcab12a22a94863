"""FBNet-R: matching without weights, a learned choice among its motions, fusion of warped RGB."""
