"""What the API takes and answers, as the documentation shows it; answers are made by services/views."""
