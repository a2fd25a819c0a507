"""Who a record is about: edit rules, references, data keys, sealing and opening."""
