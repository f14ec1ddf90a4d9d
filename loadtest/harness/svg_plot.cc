#include "loadtest/harness/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

namespace cievents::loadtest {
namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 430;
constexpr double kLeft = 78;
constexpr double kRight = 640;  // the legend stands right of it
constexpr double kTop = 48;
constexpr double kBottom = 372;

// Mid-tones: all of them stand out from white and from near-black.
constexpr std::array<std::string_view, 6> kColours = {"#2f7ed8", "#d9622b", "#2e9e5b",
                                                      "#a25bd0", "#c9992a", "#d04a7c"};
constexpr std::string_view kGrey = "#808080";

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// One logarithmic axis. Ticks are powers of ten, and 2 and 5 times them where the range is short.
class Axis {
 public:
  Axis(double low, double high, double begin, double end) : begin_(begin), end_(end) {
    low_ = Below(low);
    high_ = std::max(Above(high), low_ * 2);
  }
  double Place(double value) const {
    return begin_ + (std::log10(value) - std::log10(low_)) /
                        (std::log10(high_) - std::log10(low_)) * (end_ - begin_);
  }
  double low() const { return low_; }

  struct Tick {
    double value;
    bool labelled;
  };
  std::vector<Tick> Ticks() const {
    const double decades = std::log10(high_ / low_);
    std::vector<Tick> ticks;
    for (double power = std::pow(10, std::floor(std::log10(low_))); power <= high_ * 1.001;
         power *= 10) {
      for (const int step : {1, 2, 5}) {
        const double value = power * step;
        if (value < low_ * 0.999 || value > high_ * 1.001) continue;
        ticks.push_back({value, step == 1 || decades <= 2.5});
      }
    }
    return ticks;
  }

 private:
  // The next of 1, 2, 5 times a power of ten, downwards and upwards.
  static double Below(double value) {
    const double power = std::pow(10, std::floor(std::log10(value) + 1e-9));
    for (const int step : {5, 2}) {
      if (power * step <= value * 1.0001) return power * step;
    }
    return power;
  }
  static double Above(double value) {
    const double power = std::pow(10, std::floor(std::log10(value) - 1e-9));
    for (const int step : {1, 2, 5}) {
      if (power * step >= value * 0.9999) return power * step;
    }
    return power * 10;
  }

  double begin_;
  double end_;
  double low_;
  double high_;
};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  bool zero = false;
  void Take(double value) {
    if (value <= 0) {
      zero = true;
      return;
    }
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return high == 0; }
};

void Text(double x, double y, std::string_view anchor, int size, std::string_view text,
          std::string* svg) {
  *svg +=
      fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n",
                  x, y, anchor, size, Escape(text));
}

void Line(double x1, double y1, double x2, double y2, double opacity, std::string* svg) {
  *svg += fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
      "stroke-opacity=\"{}\"/>\n",
      x1, y1, x2, y2, kGrey, opacity);
}

void DrawAxes(const Plot& plot, const Axis& x_axis, const Axis& y_axis, bool zero,
              std::string* svg) {
  for (const Axis::Tick& tick : y_axis.Ticks()) {
    const double y = y_axis.Place(tick.value);
    Line(kLeft, y, kRight, y, tick.labelled ? 0.35 : 0.15, svg);
    if (tick.labelled) Text(kLeft - 8, y + 4, "end", 12, ShortNumber(tick.value), svg);
  }
  for (const Axis::Tick& tick : x_axis.Ticks()) {
    if (zero && tick.value <= x_axis.low() * 1.001) continue;
    const double x = x_axis.Place(tick.value);
    Line(x, kTop, x, kBottom, tick.labelled ? 0.35 : 0.15, svg);
    if (tick.labelled) Text(x, kBottom + 18, "middle", 12, ShortNumber(tick.value), svg);
  }
  if (zero) Text(kLeft, kBottom + 18, "middle", 12, "0", svg);
  Line(kLeft, kTop, kLeft, kBottom, 1, svg);
  Line(kLeft, kBottom, kRight, kBottom, 1, svg);
  Text(kLeft, 24, "start", 15, plot.title, svg);
  Text((kLeft + kRight) / 2, kBottom + 42, "middle", 13, plot.x_label, svg);
  const double middle = (kTop + kBottom) / 2;
  *svg += fmt::format(
      "<text x=\"20\" y=\"{0:.1f}\" text-anchor=\"middle\" font-size=\"13\" "
      "transform=\"rotate(-90 20 {0:.1f})\">{1}</text>\n",
      middle, Escape(plot.y_label));
}

struct Style {
  std::string_view colour;
  std::string_view dash;
};

void DrawLine(const PlotLine& line, const Style& style, const Axis& x_axis, const Axis& y_axis,
              std::string* svg) {
  std::string path;
  std::string marks;
  for (const PlotPoint& point : line.points) {
    if (point.y <= 0) continue;
    const double x = x_axis.Place(point.x > 0 ? point.x : x_axis.low());
    const double y = y_axis.Place(point.y);
    path += fmt::format("{:.1f},{:.1f} ", x, y);
    marks += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x, y,
                         style.colour);
  }
  *svg +=
      fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n",
                  path, style.colour, style.dash);
  *svg += marks;
}

void DrawLegend(const PlotLine& line, const Style& style, double y, std::string* svg) {
  *svg += fmt::format(
      "<line x1=\"{0:.1f}\" y1=\"{2:.1f}\" x2=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\" "
      "stroke-width=\"3\"{4}/>\n",
      kRight + 16, kRight + 40, y - 4, style.colour, style.dash);
  Text(kRight + 46, y, "start", 12, line.name, svg);
}

}  // namespace

std::string ShortNumber(double value) {
  static constexpr std::array<std::string_view, 4> kUnits = {"", "k", "M", "G"};
  size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

std::string WriteSvg(const Plot& plot) {
  Range xs;
  Range ys;
  for (const PlotLine& line : plot.lines) {
    for (const PlotPoint& point : line.points) {
      if (point.y <= 0) continue;
      xs.Take(point.x);
      ys.Take(point.y);
    }
  }
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" font-family=\"sans-serif\" fill=\"{2}\" role=\"img\">\n<title>{3}</title>\n",
      kWidth, kHeight, kGrey, Escape(plot.title));
  if (xs.empty()) xs.Take(1);
  if (ys.empty()) ys.Take(1);
  // A point at zero gets the decade left of the smallest other one.
  const Axis x_axis(xs.zero ? xs.low / 10 : xs.low, xs.high, kLeft, kRight);
  const Axis y_axis(ys.low, ys.high, kBottom, kTop);
  DrawAxes(plot, x_axis, y_axis, xs.zero, &svg);
  size_t colour = 0;
  double legend = kTop + 12;
  for (const PlotLine& line : plot.lines) {
    Style style{kGrey, " stroke-dasharray=\"6 4\""};
    if (!line.is_baseline) style = {kColours[colour++ % kColours.size()], ""};
    DrawLine(line, style, x_axis, y_axis, &svg);
    DrawLegend(line, style, legend, &svg);
    legend += 20;
  }
  svg += "</svg>\n";
  return svg;
}

}  // namespace cievents::loadtest
