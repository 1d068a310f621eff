//! Figures as a picture.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use super::samples::Samples;

/// What is drawn over what.
#[derive(Debug, Clone)]
pub struct Plot {
    /// What the axis to the right counts.
    pub x: &'static str,
    /// What the axis upwards counts.
    pub y: &'static str,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One of its lines.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// Lines that have a point for each run.
    #[must_use]
    pub fn of_runs(y: &'static str, lines: &[(&str, &Samples)]) -> Self {
        let line = |(name, samples): &(&str, &Samples)| {
            let runs = samples.runs().iter().enumerate();
            Line {
                name: (*name).to_owned(),
                points: runs.map(|(n, sample)| (n as f64 + 1.0, *sample)).collect(),
            }
        };
        Self {
            x: "run",
            y,
            lines: lines.iter().map(line).collect(),
        }
    }

    /// Draws it as SVG.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn draw(&self, title: &str, file: &Path) -> Result<()> {
        let mut svg = String::new();
        self.draw_into(title, &mut svg)
            .map_err(|error| anyhow!("{title} cannot be drawn: {error}"))?;
        std::fs::write(file, svg).with_context(|| format!("{} cannot be written", file.display()))
    }

    fn draw_into(&self, title: &str, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(svg, (960, 540)).into_drawing_area();
        area.fill(&WHITE)?;
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
        // A drawing from 0 to 0 has no scale.
        let to = |most: f64| if most > 0.0 { most * 1.05 } else { 1.0 };
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(
                0.0..to(most(|point| point.0)),
                0.0..to(most(|point| point.1)),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .label_style(("sans-serif", 14))
            .draw()?;
        for (n, line) in self.lines.iter().enumerate() {
            let colour = Palette99::pick(n).to_rgba();
            let drawn = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
            chart
                .draw_series(drawn.point_size(2))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 14))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_title_its_axes_and_a_line_of_each_name() {
        let rates: Samples = [900.0, 1100.0].into_iter().collect();
        let nothing: Samples = [0.0, 0.0].into_iter().collect();
        let plot = Plot::of_runs("a second", &[("add_task", &rates), ("a < b", &nothing)]);
        let mut svg = String::new();
        plot.draw_into("turns", &mut svg).unwrap();
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["turns", "run", "a second", "add_task", "a &lt; b"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
    }

    #[test]
    fn nothing_can_be_drawn_too() {
        let plot = Plot::of_runs("a second", &[("nothing", &Samples::default())]);
        plot.draw_into("turns", &mut String::new()).unwrap();
    }
}
