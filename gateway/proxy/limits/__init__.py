"""What keeps one caller, one plugin or one instance from using up the rest: small machines."""
