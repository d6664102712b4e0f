"""Methods of the two papers: losses, frozen teachers, training objectives."""
