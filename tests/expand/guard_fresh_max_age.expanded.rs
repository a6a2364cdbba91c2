use crate::three_fields::Claims;
use stateless_session::require_session;
pub(crate) async fn change_password(
    ::stateless_session::Require {
        session: _claims,
        ..
    }: ::stateless_session::Require<Claims, ChangePasswordGuard>,
) {}
/// What [`change_password`] requires of its session.
pub(crate) enum ChangePasswordGuard {}
const _: () = ::stateless_session::__private::assert_shorter_than_access::<
    Claims,
>(::core::time::Duration::from_secs(30));
impl ::stateless_session::Guard<Claims> for ChangePasswordGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    const MAX_AGE: ::core::time::Duration = ::core::time::Duration::from_secs(5 * 60);
}
