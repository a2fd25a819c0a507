"""Why a family stands where it stands, in plain Indonesian or English."""
