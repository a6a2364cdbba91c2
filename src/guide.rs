//! The guide: pages that are read from top to bottom, [your first program](first_program) first. Each leads on to the next. What
//! they show compiles, and most of it runs, in the tests of the crate.

#[doc = include_str!("../docs/guide/first-program.md")]
pub mod first_program {}

#[doc = include_str!("../docs/guide/front-end.md")]
pub mod front_end {}

#[doc = include_str!("../docs/guide/pages.md")]
pub mod pages {}

#[doc = include_str!("../docs/guide/many-services.md")]
pub mod many_services {}

#[doc = include_str!("../docs/guide/sign-in.md")]
pub mod sign_in {}

#[doc = include_str!("../docs/guide/native-clients.md")]
pub mod native_clients {}

#[doc = include_str!("../docs/guide/devices.md")]
pub mod devices {}

#[doc = include_str!("../docs/guide/binding.md")]
pub mod binding {}

#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/guide/openapi.md")]
pub mod openapi {}

#[doc = include_str!("../docs/guide/proxies.md")]
pub mod proxies {}

#[doc = include_str!("../docs/guide/log.md")]
pub mod log {}

#[doc = include_str!("../docs/guide/symptoms.md")]
pub mod symptoms {}

#[doc = include_str!("../docs/guide/moving.md")]
pub mod moving {}
