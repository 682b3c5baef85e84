//! Admission of pods and resources: review in, response out. Pure: what is there, it is told.
