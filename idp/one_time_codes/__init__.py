"""Secrets sent by mail or SMS: one purpose each, kept as digests, consumed by one statement. Neighbours: activation sends them."""
