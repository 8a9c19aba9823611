use super::{Distance, opened};
use crate::support::{golden, ids, json, part, floats};
use wayside::tensor::Bits;
use wayside::infer::Context;
use wayside::watch::Cancel;

#[test]
fn measure() {
    for w in [Some(Bits::Int8), None] {
        let (_home, model) = opened(&part(wayside::parts::LANGUAGE_MODEL), w);
        let cases = json(&golden("smollm2/greedy.json"));
        for (name, case) in cases.as_object().unwrap() {
            let exact = ids(&case["greedy"]);
            let margins = floats(&case["margin"]);
            let runner = ids(&case["runner_up"]);
            let rest = &exact[..exact.len() - 1];
            let mut c = Context::new(model.clone()).unwrap();
            let mut rows = vec![c.feed(&ids(&case["ids"]), &Cancel::new()).unwrap()];
            c.feed_all(rest, &Cancel::new(), |_, r| rows.push(r.to_vec())).unwrap();
            let mut c = Context::new(model.clone()).unwrap();
            let mut ones = vec![c.feed(&ids(&case["ids"]), &Cancel::new()).unwrap()];
            ones.extend(rest.iter().map(|t| c.feed(&[*t], &Cancel::new()).unwrap()));
            let err = |rows: &[Vec<f32>]| {
                let e: Vec<f32> = (0..rows.len()).map(|i| rows[i][exact[i] as usize] - rows[i][runner[i] as usize] - margins[i]).collect();
                let rms = (e.iter().map(|x| x * x).sum::<f32>() / e.len() as f32).sqrt();
                (rms, e.iter().fold(0.0f32, |a, x| a.max(x.abs())))
            };
            let d: Vec<Distance> = rows.iter().zip(&ones).map(|(a, b)| Distance::between(a, b)).collect();
            let worst = d.iter().map(|d| d.rms).fold(0.0, f32::max);
            println!("{w:?} {name}: together {:?} one by one {:?} between {worst} first {:?}", err(&rows), err(&ones), d.iter().take(3).map(|d| d.rms).collect::<Vec<_>>());
        }
    }
}
