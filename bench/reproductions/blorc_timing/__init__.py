"""BLORC's timing experiment."""
