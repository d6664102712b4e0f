"""What `mlcmkd prepare --check` finds in a manifest."""
