//! Sans-IO state: apply, delete and reset in, effects out.
