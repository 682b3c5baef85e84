//! Step 6: what is suspended, capped, stopped or quiet drops out, and the next candidate may win.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::candidates::Admitted;
use super::{Reason, Run, Won};
use crate::bundle::{Cap, CapScope};
use crate::history::Shown;
use crate::trace::{Step, SuppressionLine, Trace};

impl<'e> Run<'e, '_> {
    /// The first admitted candidate that nothing suppresses, else the reason of the latest step that any reached.
    pub(super) fn first_unsuppressed(
        &self,
        admitted: &[Admitted<'e>],
        trace: &mut Trace,
    ) -> Result<Won<'e>, Reason> {
        let mut reached = Reason::NotEligible;
        let mut lines = trace.is_on().then(Vec::new);
        let mut winner = None;
        for won in admitted.iter().filter_map(|admitted| self.won_by(admitted)) {
            let suppressed = self.suppression(&won);
            if let Some(lines) = &mut lines {
                lines.push(SuppressionLine {
                    binding: won.binding.name.clone(),
                    index: won.candidate.index,
                    suppressed,
                });
            }
            let Some(reason) = suppressed else {
                winner = Some(won);
                break;
            };
            reached = reached.max(reason);
        }
        trace.write(|| Step::Suppression {
            candidates: lines.unwrap_or_default(),
        });
        winner.ok_or(reached)
    }

    pub(super) fn suppression(&self, won: &Won<'_>) -> Option<Reason> {
        if won.candidate.is_suspended {
            Some(Reason::Suspended)
        } else if self.is_capped(won) {
            Some(Reason::Capped)
        } else if self.is_stopped(won) {
            Some(Reason::Stopped)
        } else if *self.silence.is_quiet.get_or_init(|| self.is_quiet()) {
            Some(Reason::QuietHours)
        } else {
            None
        }
    }

    fn is_capped(&self, won: &Won<'_>) -> bool {
        if !won.candidate.is_limited {
            return false;
        }
        if !self.history.is_known() {
            return true;
        }
        let channel = &self.engine.bundle.settings.caps;
        *self.silence.is_reached.get_or_init(|| self.is_channel_reached())
            || channel.iter().any(|cap| match cap.per {
                CapScope::Unit | CapScope::Channel => false,
                CapScope::Module => self.is_reached(cap, Shown::Module(&won.module.name)),
                CapScope::Program => self.is_reached(cap, Shown::Program(&won.program.name)),
            })
            || won.binding.caps.iter().any(|cap| {
                let what = match cap.per {
                    CapScope::Unit => Shown::Binding(&won.binding.name),
                    CapScope::Channel => Shown::Channel(&self.engine.bundle.channel),
                    CapScope::Module => Shown::Module(&won.module.name),
                    CapScope::Program => Shown::Program(&won.program.name),
                };
                self.is_reached(cap, what)
            })
    }

    /// Whether the gap, or a cap of the Channel for all that a unit sees of it, is reached.
    fn is_channel_reached(&self) -> bool {
        let settings = &self.engine.bundle.settings;
        let channel = &self.engine.bundle.channel;
        let gap = settings.minimum_gap_seconds.is_some_and(|seconds| {
            let last = self.history.last_shown(Shown::Channel(channel));
            last.is_some_and(|last| last > self.seconds_ago(seconds))
        });
        let all = |cap: &&Cap| matches!(cap.per, CapScope::Unit | CapScope::Channel);
        let mut caps = settings.caps.iter().filter(all);
        gap || caps.any(|cap| self.is_reached(cap, Shown::Channel(channel)))
    }

    fn is_reached(&self, cap: &Cap, what: Shown<'_>) -> bool {
        let most = || self.history.most_shown();
        cap.max <= *self.silence.most_shown.get_or_init(most)
            && self.history.shown(what, self.seconds_ago(cap.window_seconds)) >= cap.max
    }

    fn is_stopped(&self, won: &Won<'_>) -> bool {
        won.binding.stop_on.iter().any(|stop| {
            let last = self.history.last_outcome(&stop.event);
            last.is_some_and(|last| last > self.seconds_ago(stop.window_seconds))
        })
    }

    /// Whether it is quiet where the unit is; a unit that names no known time zone is where the Channel says.
    fn is_quiet(&self) -> bool {
        let Some(quiet) = &self.engine.quiet_hours else {
            return false;
        };
        let own = self
            .context
            .time_zone()
            .and_then(|name| TimeZoneDatabase::bundled().get(name).ok());
        let minute = minute_of_day(self.now, own.as_ref().unwrap_or(&quiet.time_zone));
        if quiet.from_minute <= quiet.to_minute {
            (quiet.from_minute..quiet.to_minute).contains(&minute)
        } else {
            minute >= quiet.from_minute || minute < quiet.to_minute
        }
    }

    fn seconds_ago(&self, seconds: i64) -> Timestamp {
        let second = self.now.as_second().saturating_sub(seconds);
        Timestamp::new(second, self.now.subsec_nanosecond()).unwrap_or(Timestamp::MIN)
    }
}

fn minute_of_day(now: Timestamp, time_zone: &TimeZone) -> u16 {
    let time = time_zone.to_datetime(now).time();
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}
