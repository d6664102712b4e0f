"""Quality of predictions: metrics, scores, statistics over seeds, modality invariance, cost."""
