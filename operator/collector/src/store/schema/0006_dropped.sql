-- What retention took from a split: the time of the last exposure that went; null while it is whole.
ALTER TABLE split ADD COLUMN dropped INTEGER;
