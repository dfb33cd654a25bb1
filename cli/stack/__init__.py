"""Runs the whole of Darkroom on one machine: embedded services, every process, joined logs, a clean end."""
