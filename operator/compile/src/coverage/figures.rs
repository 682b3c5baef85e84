//! The matrix in figures, as they stand on a Program's status.

use std::cmp::Reverse;

use attune_api::program::{CellState, CoverageFigures, OpenCell};

use super::{Cell, Coverage};
use crate::snapshot::Snapshot;
use crate::strategy::count;

/// All of a share, in basis points.
const ALL: usize = 10_000;

/// The most open cells that a status lists.
const MAX_LISTED: usize = 16;

impl<'a> Coverage<'a> {
    /// How many cells are in a state.
    pub fn count(&self, state: CellState) -> usize {
        self.cells.iter().filter(|cell| cell.state == state).count()
    }

    /// Share of cells that are covered or waived, in basis points, rounded down; nothing where a Program with audiences has
    /// no touchpoint.
    pub fn covered_bp(&self) -> usize {
        let covered = self.cells.iter().filter(|cell| cell.state.is_covered()).count();
        match self.cells.len() {
            0 if self.program.spec.audiences.is_empty() => ALL,
            0 => 0,
            cells => covered * ALL / cells,
        }
    }

    /// The least share that the Program is to reach; where it states none, every cell.
    pub fn minimum_bp(&self) -> usize {
        let declared = self.program.spec.coverage.as_ref();
        declared.map_or(ALL, |coverage| {
            usize::try_from(coverage.minimum_bp.get()).unwrap_or(ALL)
        })
    }

    /// Cells that are neither covered nor waived: those that reach the most people first, the worst of them first.
    pub fn open(&self, snapshot: &Snapshot) -> Vec<&Cell<'a>> {
        let mut open: Vec<_> = self
            .cells
            .iter()
            .filter(|cell| !cell.state.is_covered())
            .collect();
        open.sort_by_cached_key(|cell| Reverse((reach(snapshot, cell.audience).unwrap_or(0), cell.state)));
        open
    }

    /// The figures of a status.
    pub fn figures(&self, snapshot: &Snapshot) -> CoverageFigures {
        let open = self.open(snapshot);
        let worst: Vec<_> = open
            .iter()
            .take(MAX_LISTED)
            .filter_map(|cell| self.listed(cell))
            .collect();
        CoverageFigures {
            cells: count(self.cells.len()),
            differentiated: count(self.count(CellState::Differentiated)),
            shared: count(self.count(CellState::Shared)),
            untranslated: count(self.count(CellState::Untranslated)),
            baseline: count(self.count(CellState::Baseline)),
            missing: count(self.count(CellState::Missing)),
            waived: count(self.count(CellState::Waived)),
            covered_bp: count(self.covered_bp()),
            unlisted: Some(count(open.len().saturating_sub(worst.len()))),
            worst,
        }
    }

    fn listed(&self, cell: &Cell<'_>) -> Option<OpenCell> {
        let spot = self.spots.get(cell.spot)?;
        Some(OpenCell {
            audience: cell.audience.parse().ok()?,
            channel: spot.channel.parse().ok()?,
            touchpoint: spot.touchpoint.name.clone(),
            locale: cell.locale.parse().ok(),
            state: cell.state,
        })
    }
}

/// How many people an audience is estimated to have.
pub fn reach(snapshot: &Snapshot, audience: &str) -> Option<u64> {
    let audience = snapshot.audiences.get(audience)?;
    audience.spec.reach.as_ref().map(|reach| reach.estimate.get_u64())
}
