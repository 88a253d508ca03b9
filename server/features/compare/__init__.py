"""What is behind `compare`: many models asked at once, and what their answers have that the others' have not."""
