"""Speech that becomes text: who can, how they are asked, and what is made of what they say."""
