"""Programs that the rows measure clawgate against, each as its own documentation would write it."""
