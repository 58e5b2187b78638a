//! Outcome and coin -> the answers of one query, drawn as `gtm/engine/choose.py` draws.
//!
//! Each draw of one out of n takes `coin mod n` and leaves `coin div n` for the next.

use crate::plan::{Answer, Choose, Outcome, Pick};
use crate::wire::rtype::CNAME;

/// Calls `take` with every answer that a query gets, and returns what is left of the coin.
///
/// A CNAME stands alone (RFC 2181 10.1): where one is drawn first nothing else is answered, elsewhere CNAMEs are left
/// out.
pub fn choose<'a>(
    outcome: &Outcome,
    answers: &'a [Answer],
    coin: u64,
    deck: &mut Vec<u32>,
    mut take: impl FnMut(&'a Answer),
) -> u64 {
    let picks = &outcome.picks;
    let size = picks.len();
    let answer = |pick: &Pick| &answers[pick.number as usize];
    if size < 2 {
        picks.iter().map(answer).for_each(take);
        return coin;
    }
    let count = if outcome.count == 0 { size } else { outcome.count.min(size) };
    match outcome.choose {
        Choose::All => alone(picks.iter().map(answer), take),
        Choose::One => {
            let (drawn, left) = weighted(outcome, coin);
            take(answer(drawn));
            return left;
        }
        Choose::Rotate => {
            let start = (coin % size as u64) as usize;
            alone(picks[start..].iter().chain(&picks[..start]).take(count).map(answer), take);
            return coin / size as u64;
        }
        Choose::Shuffle => {
            let mut coin = coin;
            deck.clear();
            deck.extend(0..size as u32);
            for place in 0..count {
                let left = (size - place) as u64;
                deck.swap(place, place + (coin % left) as usize);
                coin /= left;
            }
            alone(deck[..count].iter().map(|&number| answer(&picks[number as usize])), take);
            return coin;
        }
    }
    coin
}

fn weighted(outcome: &Outcome, coin: u64) -> (&Pick, u64) {
    let picks = &outcome.picks;
    if outcome.total == 0 {
        let size = picks.len() as u64;
        return (&picks[(coin % size) as usize], coin / size);
    }
    let mut point = coin % outcome.total;
    for pick in picks {
        if point < pick.weight {
            return (pick, coin / outcome.total);
        }
        point -= pick.weight;
    }
    (&picks[picks.len() - 1], coin / outcome.total) // not reached: the point is below the sum of the weights
}

fn alone<'a>(mut drawn: impl Iterator<Item = &'a Answer>, mut take: impl FnMut(&'a Answer)) {
    let Some(first) = drawn.next() else { return };
    take(first);
    if first.rtype != CNAME {
        drawn.filter(|answer| answer.rtype != CNAME).for_each(take);
    }
}
