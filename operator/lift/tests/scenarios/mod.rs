//! Scenarios beside their bars, a room for each kind of claim.

mod fixed;
mod health;
mod sequential;
