//! When certificates are made anew, and which authorities are trusted meanwhile: one step at a time,
//! so that at no moment a client meets a certificate whose authority it does not know yet.
//!
//! ```text
//! new authority ─► trusted beside the old one ─► an hour ─► it signs ─► an hour ─► the old one goes
//! ```

use std::time::{Duration, SystemTime};

use hari_error::{Error, Result};

use super::pair::{Pair, age, holds, left};

/// A serving certificate is renewed when it holds no longer than this.
const RENEW: Duration = Duration::from_secs(30 * 86_400);
/// An authority is followed by another when it holds no longer than this.
const SUCCEED: Duration = Duration::from_secs(180 * 86_400);
/// How long the API servers have to learn of an authority, and replicas of a certificate.
const OVERLAP: Duration = Duration::from_secs(3600);
/// Most authorities that are trusted.
const MOST: usize = 4;

/// What is kept for all replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Who signs; none if the certificate was made elsewhere.
    pub(super) authority: Option<Pair>,
    /// Certificates of the authorities that are trusted, as PEM, the signing one first.
    pub(super) trusted: Vec<String>,
    /// What clients are shown.
    pub(super) serving: Pair,
}

impl Kept {
    /// All that is trusted, as one PEM.
    pub(super) fn bundle(&self) -> String {
        self.trusted.concat()
    }

    /// A beginning; `known` are authorities that are trusted already.
    fn fresh(names: &[String], known: &[String], now: SystemTime) -> Result<Self> {
        let authority = Pair::authority(now)?;
        let serving = signed(&authority, names, now)?;
        Ok(Self {
            trusted: beside(&authority, known, now),
            authority: Some(authority),
            serving,
        })
    }
}

/// What is to be kept from now on for a webhook of these names; `None` if all is well.
///
/// # Errors
/// When certificates cannot be made.
pub(super) fn next(kept: Option<&Kept>, names: &[String], now: SystemTime) -> Result<Option<Kept>> {
    let Some(kept) = kept else {
        return Kept::fresh(names, &[], now).map(Some);
    };
    let authority = kept
        .authority
        .as_ref()
        .filter(|one| holds(&one.certificate, now));
    if !kept.serving.is_trusted(names, &kept.trusted, now) {
        return mended(kept, authority, names, now).map(Some);
    }
    let due = left(&kept.serving.certificate, now) < RENEW;
    match authority {
        None if due => succeeded(kept, now).map(Some),
        None => Ok(None),
        Some(one) if left(&one.certificate, now) < SUCCEED => succeeded(kept, now).map(Some),
        Some(one) => {
            let of_it = kept
                .serving
                .is_trusted(names, std::slice::from_ref(&one.certificate), now);
            let known = age(&one.certificate, now) >= OVERLAP;
            if (due && of_it) || (!of_it && known) {
                return Ok(Some(Kept {
                    serving: signed(one, names, now)?,
                    ..kept.clone()
                }));
            }
            let settled = of_it && age(&kept.serving.certificate, now) >= OVERLAP;
            Ok((settled && kept.trusted.len() > 1).then(|| Kept {
                trusted: vec![one.certificate.clone()],
                ..kept.clone()
            }))
        }
    }
}

/// Clients refuse what is shown: whatever is shown instead is better at once.
fn mended(
    kept: &Kept,
    authority: Option<&Pair>,
    names: &[String],
    now: SystemTime,
) -> Result<Kept> {
    let again = authority.and_then(|one| {
        let serving = signed(one, names, now).ok()?;
        Some(Kept {
            trusted: beside(one, &kept.trusted, now),
            serving,
            ..kept.clone()
        })
    });
    match again {
        Some(kept) => Ok(kept),
        None => Kept::fresh(names, &kept.trusted, now),
    }
}

/// A new authority, which does not sign yet.
fn succeeded(kept: &Kept, now: SystemTime) -> Result<Kept> {
    let authority = Pair::authority(now)?;
    Ok(Kept {
        trusted: beside(&authority, &kept.trusted, now),
        authority: Some(authority),
        serving: kept.serving.clone(),
    })
}

/// A certificate of this authority, if its key is its own.
fn signed(authority: &Pair, names: &[String], now: SystemTime) -> Result<Pair> {
    let serving = authority.sign(names, now)?;
    let trusted = serving.is_trusted(names, std::slice::from_ref(&authority.certificate), now);
    trusted
        .then_some(serving)
        .ok_or_else(|| Error::internal("the authority of the webhook cannot sign"))
}

/// The authority, and those of `known` that still hold.
fn beside(authority: &Pair, known: &[String], now: SystemTime) -> Vec<String> {
    let others = known
        .iter()
        .filter(|one| **one != authority.certificate && holds(one, now));
    let first = std::iter::once(authority.certificate.clone());
    first.chain(others.cloned()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3600);

    fn names() -> Vec<String> {
        ["webhook.seldon", "webhook.seldon.svc"]
            .map(str::to_owned)
            .into()
    }

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + 20_000 * DAY
    }

    fn stepped(kept: &Kept, now: SystemTime) -> Option<Kept> {
        next(Some(kept), &names(), now).unwrap()
    }

    fn fresh() -> Kept {
        next(None, &names(), start()).unwrap().unwrap()
    }

    #[test]
    fn a_beginning_is_trusted_and_stays() {
        let kept = fresh();
        assert!(kept.serving.is_trusted(&names(), &kept.trusted, start()));
        assert!(
            !kept
                .serving
                .is_trusted(&["other.svc".to_owned()], &kept.trusted, start())
        );
        assert_eq!(stepped(&kept, start() + 10 * DAY), None);
    }

    #[test]
    fn a_serving_certificate_is_renewed_by_the_same_authority() {
        let kept = fresh();
        assert_eq!(stepped(&kept, start() + 59 * DAY), None);
        let renewed = stepped(&kept, start() + 61 * DAY).unwrap();
        assert_ne!(renewed.serving, kept.serving);
        assert_eq!(renewed.trusted, kept.trusted);
        assert_eq!(stepped(&renewed, start() + 62 * DAY), None);
    }

    #[test]
    fn an_authority_is_followed_by_another_in_three_steps() {
        let mut kept = fresh();
        let due = start() + 560 * DAY;
        kept.serving = kept
            .authority
            .as_ref()
            .unwrap()
            .sign(&names(), due)
            .unwrap();
        let both = stepped(&kept, due).unwrap();
        assert_eq!(both.serving, kept.serving, "the old one still signs");
        assert_eq!(both.trusted[1], kept.trusted[0]);
        assert_eq!(stepped(&both, due + HOUR / 2), None);
        let signed = stepped(&both, due + HOUR).unwrap();
        assert_ne!(signed.serving, kept.serving);
        assert_eq!(signed.trusted, both.trusted);
        assert_eq!(stepped(&signed, due + HOUR + HOUR / 2), None);
        let settled = stepped(&signed, due + 2 * HOUR).unwrap();
        assert_eq!(settled.trusted, [both.trusted[0].clone()]);
        assert_eq!(stepped(&settled, due + 3 * HOUR), None);
    }

    /// Ten years, looked at each twelve hours by replicas that may be behind by a step: what is
    /// shown is trusted at every moment by a client that knows the last or the last but one bundle.
    #[test]
    fn at_no_moment_a_client_meets_a_stranger() {
        let mut kept = fresh();
        let mut before = kept.clone();
        let (mut steps, mut authorities) = (0, std::collections::BTreeSet::new());
        for half_days in 1..=2 * 3650_u32 {
            let now = start() + half_days * DAY / 2;
            if let Some(next) = stepped(&kept, now) {
                before = std::mem::replace(&mut kept, next);
                steps += 1;
            }
            authorities.extend(kept.trusted.first().cloned());
            for serving in [&kept.serving, &before.serving] {
                assert!(
                    serving.is_trusted(&names(), &kept.trusted, now),
                    "{half_days}"
                );
            }
            assert!(
                kept.serving.is_trusted(&names(), &before.trusted, now),
                "{half_days}"
            );
            before.clone_from(&kept);
        }
        assert_eq!(authorities.len(), 7);
        assert!((60..100).contains(&steps), "{steps}");
    }

    #[test]
    fn one_made_elsewhere_is_shown_until_it_is_due() {
        let made = fresh();
        let elsewhere = Kept {
            authority: None,
            ..made
        };
        assert_eq!(stepped(&elsewhere, start() + DAY), None);
        let due = start() + 61 * DAY;
        let both = stepped(&elsewhere, due).unwrap();
        assert_eq!(both.serving, elsewhere.serving);
        assert_eq!(both.trusted.len(), 2);
        let ours = stepped(&both, due + HOUR).unwrap();
        assert_ne!(ours.serving, elsewhere.serving);
    }

    #[test]
    fn what_clients_refuse_is_replaced_at_once() {
        let kept = fresh();
        let late = start() + 100 * DAY;
        let renewed = stepped(&kept, late).unwrap();
        assert_eq!(renewed.authority, kept.authority, "ended");
        let other = ["other.svc".to_owned()];
        let renamed = next(Some(&kept), &other, start()).unwrap().unwrap();
        assert!(
            renamed
                .serving
                .is_trusted(&other, &renamed.trusted, start())
        );
        let much_later = start() + 4000 * DAY;
        let anew = stepped(&kept, much_later).unwrap();
        assert_eq!(
            anew.trusted.len(),
            1,
            "an authority that has ended is forgotten"
        );
        assert!(anew.serving.is_trusted(&names(), &anew.trusted, much_later));
    }

    #[test]
    fn a_key_of_another_is_no_use() {
        let mut kept = fresh();
        kept.authority = Some(Pair {
            key: Pair::authority(start()).unwrap().key,
            ..kept.authority.unwrap()
        });
        let due = start() + 100 * DAY;
        let mended = stepped(&kept, due).unwrap();
        assert_ne!(mended.trusted[0], kept.trusted[0]);
        assert!(mended.serving.is_trusted(&names(), &mended.trusted, due));
        let broken = Kept {
            serving: Pair {
                key: "no".to_owned(),
                ..kept.serving.clone()
            },
            ..fresh()
        };
        assert!(stepped(&broken, start()).is_some());
    }
}
