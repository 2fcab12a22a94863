"""FBNet-R: block matching without weights, a learned choice among the motions found, and fusion of warped RGB."""
