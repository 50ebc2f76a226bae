// Arrays are checked in iph_rt/color/polynomial.py; here only what would read outside of memory is refused.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>

#include "bindings/register.h"
#include "common/cpu.h"
#include "common/parallel.h"
#include "polynomial/fit.h"
#include "polynomial/polynomial.h"

namespace py = pybind11;

namespace iph {
namespace {

using Doubles = py::array_t<double, py::array::c_style>;
using Floats = py::array_t<float, py::array::c_style>;
using Bytes = py::array_t<uint8_t>;

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

void require_image(const Bytes& image) {
  require(image.ndim() == 3 && image.shape(2) == 3, "expected an H x W x 3 uint8 array");
  require(image.shape(1) == 0 || (image.strides(2) == 1 && (image.strides(1) == 3 || image.shape(1) == 1)),
          "expected dense pixels within each row");
}

void require_alpha(const Bytes& alpha, const Bytes& image) {
  require(alpha.ndim() == 2 && alpha.shape(0) == image.shape(0) && alpha.shape(1) == image.shape(1),
          "expected an alpha of the image's height and width");
  require(alpha.shape(1) <= 1 || alpha.strides(1) == 1, "expected dense pixels within each row of alpha");
}

void apply(const Bytes& foreground, const std::optional<Bytes>& alpha, const std::optional<Bytes>& background, Bytes& out,
           const Doubles& coefficients, const Doubles& center, const Doubles& precision, bool bgr,
           const std::optional<Floats>& edge, int threads) {
  require(coefficients.size() == kTerms * 3 && center.size() == 3 && precision.size() == 9, "expected 33 + 3 + 9 coefficients");
  require_image(foreground);
  require_image(out);
  require(out.shape(0) == foreground.shape(0) && out.shape(1) == foreground.shape(1), "expected out of the image's size");
  require(alpha.has_value() == background.has_value(), "expected alpha and background, or neither");
  Composite job{};
  job.foreground = foreground.data();
  job.foreground_stride = foreground.strides(0);
  job.out = out.mutable_data();
  job.out_stride = out.strides(0);
  job.height = foreground.shape(0);
  job.width = foreground.shape(1);
  job.polynomial = pack_polynomial(coefficients.data(), center.data(), precision.data(), bgr);
  if (alpha) {
    require_alpha(*alpha, foreground);
    require_image(*background);
    require(background->shape(0) == job.height && background->shape(1) == job.width, "expected a background of the image's size");
    job.alpha = alpha->data();
    job.alpha_stride = alpha->strides(0);
    job.background = background->data();
    job.background_stride = background->strides(0);
  }
  if (edge) {
    require(edge->ndim() == 3 && edge->shape(0) == (job.height + kEdgeCell - 1) / kEdgeCell && edge->shape(1) == 6 &&
                edge->shape(2) == (job.width + kEdgeCell - 1) / kEdgeCell,
            "expected edge colours of the image's size");
    job.edge = {edge->data(), edge->shape(0), edge->shape(2)};
  }
  py::gil_scoped_release unlocked;
  apply_composite(job, threads);
}

void edges(const Bytes& image, const Bytes& alpha, Floats& values, int threads) {
  require_image(image);
  require_alpha(alpha, image);
  const int64_t height = image.shape(0), width = image.shape(1);
  require(values.ndim() == 3 && values.shape(0) == (height + kEdgeCell - 1) / kEdgeCell && values.shape(1) == 6 &&
              values.shape(2) == (width + kEdgeCell - 1) / kEdgeCell,
          "expected values of ceil(H / EDGE_CELL) x 6 x ceil(W / EDGE_CELL)");
  const uint8_t* pixels = image.data();
  const uint8_t* a = alpha.data();
  const ptrdiff_t image_stride = image.strides(0), alpha_stride = alpha.strides(0);
  float* to = values.mutable_data();
  py::gil_scoped_release unlocked;
  edge_colors(pixels, image_stride, a, alpha_stride, height, width, to, threads);
}

// Returns "ok", "bad_weight" or "not_finite".
const char* weigh(const Floats& source, const Floats& target, const Floats& weight, Doubles& ata, Doubles& atb) {
  const int64_t pixels = weight.size();
  require(source.size() == 3 * pixels && target.size() == 3 * pixels, "expected 3 planes of the weight's size");
  require(ata.size() == kTerms * kTerms && atb.size() == kTerms * 3, "expected sums of 11 x 11 and 11 x 3");
  const float* s[3];
  const float* t[3];
  for (int c = 0; c < 3; ++c) {
    s[c] = source.data() + c * pixels;
    t[c] = target.data() + c * pixels;
  }
  const float* w = weight.data();
  double* a = ata.mutable_data();
  double* b = atb.mutable_data();
  py::gil_scoped_release unlocked;
  switch (moments(s, t, w, pixels, a, b)) {
    case MomentsResult::bad_weight: return "bad_weight";
    case MomentsResult::not_finite: return "not_finite";
    case MomentsResult::ok: break;
  }
  return "ok";
}

bool solve(const Doubles& ata, const Doubles& atb, double ridge, Doubles& coefficients) {
  require(ata.size() == kTerms * kTerms && atb.size() == kTerms * 3 && coefficients.size() == kTerms * 3,
          "expected sums of 11 x 11 and 11 x 3");
  return solve_ridge(ata.data(), atb.data(), ridge, coefficients.mutable_data());
}

}  // namespace

void register_polynomial(py::module_& m) {
  m.attr("EDGE_CELL") = kEdgeCell;
  m.attr("GUARD_INNER") = kGuardInner;
  m.attr("GUARD_OUTER") = kGuardOuter;
  m.def("polynomial_apply", &apply, py::arg("foreground").noconvert(), py::arg("alpha").noconvert().none(true),
        py::arg("background").noconvert().none(true), py::arg("out").noconvert(), py::arg("coefficients"), py::arg("center"),
        py::arg("precision"), py::arg("bgr"), py::arg("edge").noconvert().none(true), py::arg("threads"));
  m.def("polynomial_edge_colors", &edges, py::arg("image").noconvert(), py::arg("alpha").noconvert(),
        py::arg("values").noconvert(), py::arg("threads"));
  m.def("polynomial_moments", &weigh, py::arg("source"), py::arg("target"), py::arg("weight"), py::arg("ata").noconvert(),
        py::arg("atb").noconvert());
  m.def("polynomial_solve", &solve, py::arg("ata"), py::arg("atb"), py::arg("ridge"), py::arg("coefficients").noconvert());
  m.def("default_threads", &default_threads);
  m.def("cpu_path", [] { return cpu_path_name(cpu_path()); });
  m.def("cpu_paths", [] {
    std::vector<std::string> names;
    for (CpuPath path : supported_cpu_paths()) names.push_back(cpu_path_name(path));
    return names;
  });
  m.def("set_cpu_path", [](const std::string& name) { set_cpu_path(cpu_path_from_name(name)); }, py::arg("name"));
}

}  // namespace iph
