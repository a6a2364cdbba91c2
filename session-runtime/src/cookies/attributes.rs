//! What a cookie is set with, beside its name and value, and how it is deleted.

use std::fmt::Write as _;
use std::time::Duration;

use cookie::time::{self, OffsetDateTime};
use cookie::{Cookie, SameSite};

use crate::clock::Timestamp;
use crate::cookies::names::Name;
use crate::policy::{LONGEST_COOKIE, Policy};

/// What no name, value or path takes of a line.
const ROOM: usize = 128;

const LAST_OF_DELETED: &str = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A cookie as an answer sets it.
#[derive(Clone)]
pub(crate) struct SetCookie {
    pub(crate) name: Name,
    value: String,
    http_only: bool,
    same_site: SameSite,
    path: [&'static str; 2],
    end: End,
}

/// When a cookie ends (RFC 6265bis, section 5.7: the persistent-flag).
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// Until the browser is closed, at most: no attribute says more.
    WithTheBrowser,
    /// So long behind a time.
    Behind(Timestamp, Duration),
    /// It is deleted.
    Past,
}

impl SetCookie {
    pub(crate) fn marker(name: Name, value: String) -> Self {
        Self {
            name,
            value,
            http_only: false,
            same_site: SameSite::Strict,
            path: ["/", ""],
            end: End::WithTheBrowser,
        }
    }

    pub(crate) fn refresh(policy: &Policy, name: Name, value: String) -> Self {
        Self {
            http_only: true,
            path: [policy.path, ""],
            ..Self::marker(name, value)
        }
    }

    /// Where the bound cookie goes: to the refresh alone, because a browser holds back what the cookie would go with.
    #[cfg(feature = "binding")]
    pub(crate) fn bound(policy: &Policy, name: Name, value: String) -> Self {
        Self {
            path: bound_path(policy),
            ..Self::refresh(policy, name, value)
        }
    }

    /// Lax, because it has to come with navigations from other sites: the access cookie with a link on any page, the login state
    /// with the provider's redirect.
    pub(crate) fn lax(name: Name, value: String) -> Self {
        Self {
            http_only: true,
            same_site: SameSite::Lax,
            ..Self::marker(name, value)
        }
    }

    /// The same with both attributes for its end: some jars know `Expires` only, and some take a cookie without it for one of
    /// RFC 2965 and send it back in quotes.
    pub(crate) fn until(self, end: End) -> Self {
        Self { end, ..self }
    }

    pub(crate) fn deleted(self) -> Self {
        self.until(End::Past)
    }

    /// Appends what [`Cookie`] would print, without making one.
    pub(crate) fn write(&self, line: &mut String) {
        line.reserve(self.name.len() + self.value.len() + ROOM);
        line.extend(self.name.pieces().chain(["=", &self.value]));
        if self.http_only {
            line.push_str("; HttpOnly");
        }
        line.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict; Secure; Path=",
            SameSite::Lax => "; SameSite=Lax; Secure; Path=",
            SameSite::None => "; SameSite=None; Secure; Path=",
        });
        line.extend(self.path);
        match self.end {
            End::WithTheBrowser => {}
            End::Behind(now, lifetime) => {
                // Never an error: a string takes all that is written.
                let _ = write!(line, "; Max-Age={}", lifetime.as_secs());
                if let Some(end) = date(now.plus(lifetime)) {
                    write_date(line, end);
                }
            }
            End::Past => line.push_str(LAST_OF_DELETED),
        }
    }
}

impl From<SetCookie> for Cookie<'static> {
    fn from(set: SetCookie) -> Self {
        let mut cookie = Cookie::build((set.name.to_string(), set.value))
            .secure(true)
            .same_site(set.same_site)
            .path(set.path.concat())
            .build();
        if set.http_only {
            cookie.set_http_only(true);
        }
        match set.end {
            End::WithTheBrowser => {}
            End::Behind(now, lifetime) => {
                cookie.set_max_age(time::Duration::seconds(seconds(lifetime.as_secs())));
                if let Some(end) = date(now.plus(lifetime)) {
                    cookie.set_expires(end);
                }
            }
            End::Past => {
                cookie.set_max_age(time::Duration::ZERO);
                cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
            }
        }
        cookie
    }
}

/// `None` for a clock behind the year 9999, which leaves the other attribute.
fn date(at: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds(at.as_secs())).ok()
}

fn seconds(seconds: u64) -> i64 {
    seconds.try_into().unwrap_or(i64::MAX)
}

/// An `Expires` (RFC 9110, section 5.6.7).
fn write_date(line: &mut String, date: OffsetDateTime) {
    let weekday = usize::from(date.weekday().number_days_from_monday());
    let weekday = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    let (year, month, day) = date.to_calendar_date();
    let month = usize::from(u8::from(month) - 1);
    let month = MONTHS.get(month).copied().unwrap_or_default();
    let (hour, minute, second) = date.to_hms();
    let _ = write!(
        line,
        "; Expires={weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT"
    );
}

#[cfg(feature = "binding")]
pub(crate) fn bound_path(policy: &Policy) -> [&'static str; 2] {
    [policy.path, "/refresh"]
}

/// How long a browser keeps the cookies of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Until they end.
    #[default]
    Persistent,
    /// Until it is closed, at most.
    UntilTheBrowserEnds,
}

impl Persistence {
    /// The end of a cookie that is to last so long.
    pub(crate) fn end(self, now: Timestamp, lifetime: Duration) -> End {
        match self {
            Self::Persistent => End::Behind(now, lifetime.min(LONGEST_COOKIE)),
            Self::UntilTheBrowserEnds => End::WithTheBrowser,
        }
    }
}
