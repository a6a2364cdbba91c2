use crate::three_fields::Claims;
use axum::Json;
use stateless_session::require_session;
/// Who is logged in.
pub async fn me(claims: Claims) -> Json<Claims> {
    const _: () = ::stateless_session::__private::assert_session::<Claims>();
    Json(claims)
}
