"""Tables, figures and pages as functions of records."""
