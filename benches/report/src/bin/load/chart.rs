//! Lines between two axes, as SVG that follows the reader's choice of light or dark.

use std::fmt::Write;

use crate::grouped;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 330.0;
// What a panel leaves for its title, the labels at the ends of the lines, and the axes.
const TOP: f64 = 46.0;
const RIGHT: f64 = 235.0;
const BOTTOM: f64 = 58.0;
const LEFT: f64 = 76.0;

const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.tick { fill: #59636e }
.paper { fill: #ffffff }
.grid { stroke: #d1d9e0 }
polyline { fill: none; stroke-width: 2 }
.ours { stroke: #0969da } .ours-more { stroke: #0969da; stroke-dasharray: 6 4 }
.other { stroke: #bc4c00 } .other-more { stroke: #bc4c00; stroke-dasharray: 6 4 }
text.ours, text.ours-more, circle.ours, circle.ours-more { fill: #0969da; stroke: none }
text.other, text.other-more, circle.other, circle.other-more { fill: #bc4c00; stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.tick { fill: #9198a1 }
.paper { fill: #0d1117 }
.grid { stroke: #3d444d }
.ours, .ours-more { stroke: #58a6ff }
.other, .other-more { stroke: #f0883e }
text.ours, text.ours-more, circle.ours, circle.ours-more { fill: #58a6ff }
text.other, text.other-more, circle.other, circle.other-more { fill: #f0883e }
}
";

pub struct Line {
    pub style: &'static str,
    pub label: String,
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// Without points that nothing was measured for.
    pub fn new(style: &'static str, label: String, points: Vec<(f64, f64)>) -> Self {
        let measured = points.into_iter().filter(|(_, figure)| figure.is_finite());
        Self {
            style,
            label,
            points: measured.collect(),
        }
    }
}

pub struct Axis {
    /// Below the axis of x; along that of y, the ticks say it.
    name: &'static str,
    ticks: Vec<(f64, String)>,
    low: f64,
    high: f64,
    /// Where on an even scale a value lies.
    place: fn(f64) -> f64,
}

impl Axis {
    /// From zero to the largest value, in round steps.
    pub fn even(name: &'static str, lines: &[Line], of: fn((f64, f64)) -> f64, unit: &str) -> Self {
        let points = lines.iter().flat_map(|line| &line.points);
        let largest = points.fold(1.0, |largest, point| of(*point).max(largest));
        let steps = 7.0;
        let power = 10_f64.powf((largest / steps).log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = round.into_iter().find(|step| step * steps >= largest);
        let step = step.unwrap_or(largest);
        let mut ticks = vec![(0.0, "0".to_owned())];
        while let Some((last, _)) = ticks.last().filter(|(last, _)| *last < largest) {
            let next = last + step;
            ticks.push((next, grouped(next) + unit));
        }
        let high = ticks.last().map_or(largest, |(last, _)| *last);
        Self {
            name,
            ticks,
            low: 0.0,
            high,
            place: |value| value,
        }
    }

    pub fn names(names: &[&str]) -> Self {
        let ticks = names.iter().zip(0_u8..);
        let ticks = ticks.map(|(name, place)| (f64::from(place), (*name).to_owned()));
        Self {
            name: "",
            ticks: ticks.collect(),
            low: 0.0,
            high: names.len() as f64 - 1.0,
            place: |value| value,
        }
    }

    pub fn powers(name: &'static str, low: f64, high: f64, label: fn(f64) -> String) -> Self {
        let powers = std::iter::successors(Some(low), |power| Some(power * 10.0));
        let ticks = powers.take_while(|power| *power <= high);
        Self {
            name,
            ticks: ticks.map(|power| (power, label(power))).collect(),
            low,
            high,
            place: f64::log10,
        }
    }

    /// The powers of ten around the times, which are microseconds.
    pub fn times(lines: &[Line]) -> Self {
        let times = lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|(_, y)| y.log10());
        let (low, high) = times.fold((f64::MAX, f64::MIN), |(low, high), time| {
            (time.min(low), time.max(high))
        });
        let power = |exponent: f64| 10_f64.powf(exponent);
        Self::powers(
            "",
            power(low.floor()),
            power(high.ceil()),
            |time| match time {
                ..1e3 => format!("{time:.0} µs"),
                ..1e6 => format!("{:.0} ms", time / 1e3),
                _ => format!("{:.0} s", time / 1e6),
            },
        )
    }

    /// From 0 at the low end to 1 at the high one.
    fn at(&self, value: f64) -> f64 {
        let low = (self.place)(self.low);
        ((self.place)(value) - low) / ((self.place)(self.high) - low)
    }
}

pub struct Panel {
    pub title: &'static str,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
}

/// The panels, one below the other.
pub fn svg(panels: &[Panel]) -> String {
    let height = HEIGHT * panels.len() as f64;
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title).collect();
    let titles = titles.join("; ");
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>{titles}</title>
<style>{STYLE}</style>
<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>
"#
    );
    let mut top = 0.0;
    for panel in panels {
        let drawn = panel.drawn();
        let _ = writeln!(svg, "<g transform=\"translate(0 {top})\">\n{drawn}</g>");
        top += HEIGHT;
    }
    svg + "</svg>\n"
}

impl Panel {
    fn drawn(&self) -> String {
        let x = |value| LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT);
        let y = |value| HEIGHT - BOTTOM - self.y.at(value) * (HEIGHT - TOP - BOTTOM);
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut svg = String::new();
        let mut draw = |piece: std::fmt::Arguments<'_>| {
            let _ = writeln!(svg, "{piece}");
        };
        draw(format_args!(
            r#"<text class="title" x="16" y="26">{}</text>"#,
            self.title
        ));
        for (value, label) in &self.y.ticks {
            let at = y(*value);
            draw(format_args!(
                r#"<path class="grid" d="M{LEFT} {at:.1}H{right}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"#,
                LEFT - 10.0,
                at + 4.0,
            ));
        }
        for (value, label) in &self.x.ticks {
            let at = x(*value);
            draw(format_args!(
                r#"<path class="grid" d="M{at:.1} {bottom}v5"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
                bottom + 20.0,
            ));
        }
        draw(format_args!(
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            f64::midpoint(LEFT, right),
            bottom + 42.0,
            self.x.name,
        ));
        let mut ends = Vec::new();
        for Line {
            style,
            label,
            points,
        } in &self.lines
        {
            let places = points.iter().map(|(at, value)| (x(*at), y(*value)));
            let places: Vec<(f64, f64)> = places.collect();
            let line = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
            let line = line.collect::<Vec<_>>().join(" ");
            draw(format_args!(
                r#"<polyline class="{style}" points="{line}"/>"#
            ));
            for (x, y) in &places {
                draw(format_args!(
                    r#"<circle class="{style}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#
                ));
            }
            ends.extend(places.last().map(|(_, y)| (*y, style, label)));
        }
        // From the bottom up, each label at the end of its line, or right above the one below.
        ends.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        let mut below = f64::MAX;
        for (end, style, label) in ends {
            below = end.min(below - 16.0);
            draw(format_args!(
                r#"<text class="{style}" x="{:.1}" y="{:.1}">{label}</text>"#,
                right + 10.0,
                below + 4.0,
            ));
        }
        svg
    }
}
