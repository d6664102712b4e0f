"""What a person wears or holds: hair, glasses, hats, masks, hands, clothes."""
