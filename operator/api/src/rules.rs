//! Building blocks of the validation rules that the definitions carry.
