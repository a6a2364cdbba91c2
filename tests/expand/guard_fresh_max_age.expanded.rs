use crate::three_fields::Claims;
use stateless_session::require_session;
pub(crate) async fn change_password(
    ::stateless_session::Require {
        session: _claims,
        ..
    }: ::stateless_session::Require<Claims, ChangePasswordGuard>,
) {}
/// What [`change_password`] requires of its session: `fresh = "30s", max_age = "5m"`.
pub(crate) enum ChangePasswordGuard {}
const _: () = ::stateless_session::__private::assert_fresh::<
    Claims,
    ChangePasswordGuard,
>();
const _: () = ::stateless_session::__private::assert_max_age::<
    Claims,
    ChangePasswordGuard,
>();
impl ::stateless_session::Guard<Claims> for ChangePasswordGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    const MAX_AGE: ::core::time::Duration = ::core::time::Duration::from_secs(5 * 60);
}
