//! What no extractor can do: read the body of a request that is led elsewhere, and keep answers out of caches.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};

use crate::bearer;
use crate::claims::SessionClaims;
use crate::cookies::request::RequestCookies;

/// How much of a body is read for nothing, in bytes.
const MOST: usize = 64 * 1024 * 1024;

/// Says that a request came through the layer.
struct Around<C>(PhantomData<fn() -> C>);

impl<C> Clone for Around<C> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

pub(crate) fn is_around<C: SessionClaims>(parts: &Parts) -> bool {
    parts.extensions.get::<Around<C>>().is_some()
}

pub(crate) async fn around<C: SessionClaims>(mut request: Request, next: Next) -> Response {
    if !matches!(bearer::access_token(request.headers()), Ok(None)) {
        return next.run(request).await;
    }
    request.extensions_mut().insert(Around::<C>(PhantomData));
    let left = Arc::default();
    if !request.body().is_end_stream()
        && RequestCookies::read(request.headers(), &C::POLICY).has_session()
    {
        let left = Arc::clone(&left);
        request = request.map(|body| Body::new(Watched { body, left }));
    }
    let mut response = next.run(request).await;
    if response.status().is_redirection() {
        let left = mem::take(&mut *left.lock().unwrap_or_else(PoisonError::into_inner));
        read_to_its_end(left).await;
    }
    let headers = response.headers_mut();
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(no_store);
    response
}

/// A browser that still sends over HTTP/1.1 would see the connection end instead of the answer.
async fn read_to_its_end(mut body: Body) {
    let mut left = MOST;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// A body that leaves behind what nobody read of it.
struct Watched {
    body: Body,
    left: Arc<Mutex<Body>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let body = mem::take(&mut self.body);
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}
