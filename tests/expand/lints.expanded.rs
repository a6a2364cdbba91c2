use crate::three_fields::Claims;
use stateless_session::require_session;
#[allow(clippy::len_zero)]
#[expect(unused_variables, reason = "not yet")]
#[cfg_attr(unix, must_use, cfg(not(miri)), warn(deprecated))]
#[tracing::instrument(skip_all)]
async fn linted(
    ::stateless_session::Require {
        session: claims,
        ..
    }: ::stateless_session::Require<Claims, LintedGuard>,
) {}
/// What [`linted`] requires of its session: `active = true`.
#[allow(clippy::len_zero)]
#[allow(unused_variables, reason = "not yet")]
#[cfg_attr(unix, cfg(not(miri)), warn(deprecated))]
enum LintedGuard {}
#[allow(clippy::len_zero)]
#[allow(unused_variables, reason = "not yet")]
#[cfg_attr(unix, cfg(not(miri)), warn(deprecated))]
impl ::stateless_session::Guard<Claims> for LintedGuard {
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        match claims.active {
            true => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }
    }
}
