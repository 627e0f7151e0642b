//! Isobar: one screen, one language and one alert centre over every cloud.

fn main() {}
