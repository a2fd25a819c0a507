"""What officials do with programmes: rule sets compared and put in force, places given within a quota."""
