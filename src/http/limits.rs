//! How many requests a person, or an address, may send.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use axum::http::HeaderMap;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use ipnet::IpNet;

use super::problem::{Kind, Problem};
use crate::config::{Rate, RateConfig};

/// Between sweeps of keys that were not seen lately: what one key costs is small, but their
/// number must not grow for ever.
const SWEEP: Duration = Duration::from_secs(10);

/// The limits of this process; each replica counts for itself.
pub struct Limits {
    user: Option<DefaultKeyedRateLimiter<String>>,
    address: Option<DefaultKeyedRateLimiter<IpAddr>>,
    trusted: Vec<IpNet>,
}

impl Limits {
    /// The limits the environment asks for.
    #[must_use]
    pub fn new(config: &RateConfig) -> Self {
        Self {
            user: quota(config.user).map(RateLimiter::keyed),
            address: quota(config.address).map(RateLimiter::keyed),
            trusted: config.trusted_proxies.clone(),
        }
    }

    /// Counts a request of a person.
    ///
    /// # Errors
    /// There were too many.
    pub fn check_user(&self, user_id: &str) -> Result<(), Problem> {
        self.user.as_ref().map_or(Ok(()), |limiter| {
            limiter
                .check_key(&user_id.to_owned())
                .map_err(|wait| too_many(wait.wait_time_from(now())))
        })
    }

    /// Counts a request that came from `peer`, or through it if it is a proxy we trust.
    ///
    /// # Errors
    /// There were too many.
    pub fn check_address(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(limiter) = &self.address else {
            return Ok(());
        };
        let Some(address) = client_address(&self.trusted, peer, headers) else {
            return Ok(());
        };
        limiter
            .check_key(&network(address))
            .map_err(|wait| too_many(wait.wait_time_from(now())))
    }

    /// Forgets those who were not seen lately, for as long as it is polled.
    pub async fn keep_small(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            if let Some(limiter) = &self.user {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
            if let Some(limiter) = &self.address {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
        }
    }
}

fn now() -> <DefaultClock as Clock>::Instant {
    DefaultClock::default().now()
}

fn quota(rate: Rate) -> Option<Quota> {
    let per_minute = NonZeroU32::new(rate.per_minute)?;
    Some(Quota::per_minute(per_minute).allow_burst(NonZeroU32::new(rate.burst)?))
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(
        Kind::TooManyRequests,
        "Too many requests. Please wait a moment.",
    )
    .retry_after(seconds)
}

/// Whose request it is: the nearest address that is not a proxy we trust. `None` when trusted
/// proxies name nobody else.
fn client_address(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return Some(peer);
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|item| item.trim().parse::<IpAddr>().ok())
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        // What stands left of something unreadable was not written by a proxy of ours.
        .map_while(|address| address.map(|address| address.to_canonical()))
        .find(|address| !is_trusted(*address))
}

/// A household has a /64 of IPv6: limiting single addresses of it would limit nobody.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(per_minute: u32) -> RateConfig {
        let rate = Rate {
            per_minute,
            burst: 2,
        };
        RateConfig {
            user: rate,
            address: rate,
            trusted_proxies: Vec::new(),
        }
    }

    #[test]
    fn the_third_of_a_burst_of_two_is_told_when_to_come_back() {
        let limits = Limits::new(&config(60));
        limits.check_user("ann").unwrap();
        limits.check_user("ann").unwrap();
        assert_eq!(limits.check_user("ann").unwrap_err().status(), 429);
        limits.check_user("bob").unwrap();
    }

    #[test]
    fn zero_means_no_limit() {
        let limits = Limits::new(&config(0));
        let peer = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..1000 {
            limits.check_user("ann").unwrap();
            limits.check_address(peer, &HeaderMap::new()).unwrap();
        }
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let seen = |peer: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            client_address(&trusted, peer.parse().unwrap(), &headers).map(|a| a.to_string())
        };
        assert_eq!(seen("192.0.2.9", "1.1.1.1").as_deref(), Some("192.0.2.9"));
        assert_eq!(
            seen("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2").as_deref(),
            Some("192.0.2.7")
        );
        assert_eq!(
            seen("::ffff:10.0.0.1", "192.0.2.7").as_deref(),
            Some("192.0.2.7")
        );
        assert_eq!(seen("10.0.0.1", "192.0.2.7, junk"), None);
        assert_eq!(seen("10.0.0.1", "10.0.0.3"), None);
    }

    #[test]
    fn an_ipv6_household_is_one() {
        let one = network("2001:db8:1:2:aaaa::1".parse().unwrap());
        assert_eq!(one, network("2001:db8:1:2:bbbb::2".parse().unwrap()));
        assert_ne!(one, network("2001:db8:1:3::1".parse().unwrap()));
    }
}
