"use strict";
// The interval of the page: the same numbers as imgprep/checks/intervals.py and estimate() of imgprep/checks/review.py.
const LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];

function logGamma(x) {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  x -= 1;
  let sum = LANCZOS[0];
  for (let i = 1; i < 9; i++) sum += LANCZOS[i] / (x + i);
  const t = x + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum);
}

function fraction(x, a, b) {
  let numerator = 1, denominator = 0, value = 1;
  for (let step = 0; step < 400; step++) {
    const half = Math.floor(step / 2);
    let term = 1;
    if (step > 0 && step % 2) term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1));
    else if (step > 0) term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half));
    denominator = 1 / (1 + term * denominator || 1e-300);
    numerator = 1 + term / numerator || 1e-300;
    const change = numerator * denominator;
    value *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return value - 1;
}

function regularizedBeta(x, a, b) {
  if (x <= 0 || x >= 1) return x >= 1 ? 1 : 0;
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a);
  const scale = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  return Math.exp(scale) / a * fraction(x, a, b);
}

function betaQuantile(probability, a, b) {
  let low = 0, high = 1;
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (regularizedBeta(middle, a, b) < probability) low = middle; else high = middle;
  }
  return (low + high) / 2;
}

function clopperPearson(successes, trials, confidence) {
  const tail = (1 - confidence) / 2;
  return [successes <= 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1),
    successes >= trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes)];
}

const total = (list, key) => list.reduce((sum, each) => sum + each[key], 0);

function looksSimple(seen, size, reviewed) {
  if (seen.length === 1) return true;
  const freedom = seen.length - 1, part = 2 / (9 * freedom);
  const squares = seen.reduce((sum, each) => {
    const mean = each.size / size * reviewed;
    return sum + (each.reviewed - mean) ** 2 / mean;
  }, 0);
  return squares <= freedom * (1 - part + 3.09 * Math.sqrt(part)) ** 3;
}

function stratified(strata, confidence) {
  const seen = strata.filter(each => each.reviewed);
  const size = total(seen, "size"), reviewed = total(seen, "reviewed"), wrong = total(seen, "wrong");
  const rate = seen.reduce((sum, each) => sum + each.size / size * each.wrong / each.reviewed, 0);
  if (reviewed === total(strata, "size")) return {rate, low: rate, high: rate, census: true};
  const ratios = seen.map(each => (each.size / size) / (each.reviewed / reviewed));
  const least = Math.min(...ratios), most = Math.max(...ratios);
  let low, high;
  if (looksSimple(seen, size, reviewed)) [low, high] = clopperPearson(wrong, reviewed, confidence);
  else if (most / least <= 1.25) {
    [low, high] = clopperPearson(wrong, reviewed, confidence);
    low *= least;
    high *= most;
  } else {
    [low, high] = clopperPearson(rate / most * reviewed, reviewed, 1 - (1 - confidence) / Math.E);
    low *= most;
    high *= most;
  }
  return {rate, low: Math.min(low, rate), high: Math.min(1, Math.max(high, rate)), census: false};
}

// Python rounds halves to even.
function roundEven(x) {
  const floor = Math.floor(x), rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 ? floor + 1 : floor;
}

function reviewsNeeded(rate, budget, size, confidence) {
  const decides = trials => {
    const [low, high] = clopperPearson(roundEven(rate * trials), trials, confidence);
    return high < budget || low > budget;
  };
  let trials = 1;
  while (trials < size && !decides(trials)) trials = Math.min(size, Math.ceil(trials * 1.1));
  return trials;
}

function estimate(strata, unsure, budget, confidence) {
  const found = stratified(strata.filter(each => each.size), confidence);
  if (found.census || !(found.low <= budget && budget <= found.high)) return {...found, more: 0};
  const size = total(strata, "size"), reviewed = total(strata, "reviewed");
  const needed = Math.max(reviewsNeeded(found.rate, budget, size, confidence), reviewed + 1);
  return {...found, more: Math.min(size - unsure, needed) - reviewed};
}
