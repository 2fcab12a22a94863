"""ST-LPIPS, a perceptual distance learned from human judgements, for losses and evaluation."""
