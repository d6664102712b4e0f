"""The two papers: losses, frozen teachers, and the objectives built from them."""
