"""ST-LPIPS, a distance between pictures that was learned from what people see; for losses and for measuring."""
