"""Many networks at a time: in processes on CPUs and clusters, in threads on a GPU."""
