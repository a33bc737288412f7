//! Signatures as they were drawn: SVG path data, fitted into a frame.

use krilla::geom::{Path, PathBuilder};
use kurbo::{Affine, BezPath, PathEl, Rect, Shape as _};

/// A drawing that is no larger than its frame.
#[derive(Clone, Debug)]
pub(crate) struct Strokes(BezPath);

impl Strokes {
    /// Reads path data and fits it into a frame of this width and height; `None` when there is nothing to see.
    pub(crate) fn read(data: &str, frame: (f32, f32)) -> Option<Self> {
        let path = BezPath::from_svg(data).ok()?;
        let bounds: Rect = path.bounding_box();
        let largest = bounds.width().max(bounds.height());
        if !bounds.is_finite() || !largest.is_normal() || largest > 1e9 {
            return None;
        }
        let scale = |have: f64, room: f32| if have > 0.0 { f64::from(room) / have } else { f64::INFINITY };
        let scale = scale(bounds.width(), frame.0).min(scale(bounds.height(), frame.1));
        Some(Self(Affine::scale(scale) * Affine::translate((-bounds.x0, -bounds.y0)) * path))
    }

    #[cfg(test)]
    pub(crate) fn bounds(&self) -> Rect {
        self.0.bounding_box()
    }

    /// The drawing at its place on the page.
    pub(crate) fn at(&self, place: (f32, f32)) -> Option<Path> {
        let point = |point: kurbo::Point| (point.x as f32 + place.0, point.y as f32 + place.1);
        let mut path = PathBuilder::new();
        for element in self.0.elements() {
            match *element {
                PathEl::MoveTo(to) => path.move_to(point(to).0, point(to).1),
                PathEl::LineTo(to) => path.line_to(point(to).0, point(to).1),
                PathEl::QuadTo(over, to) => path.quad_to(point(over).0, point(over).1, point(to).0, point(to).1),
                PathEl::CurveTo(first, second, to) => {
                    let (first, second, to) = (point(first), point(second), point(to));
                    path.cubic_to(first.0, first.1, second.0, second.1, to.0, to.1);
                }
                PathEl::ClosePath => path.close(),
            }
        }
        path.finish()
    }
}
