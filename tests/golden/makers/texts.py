"""The texts that tokenizers are trained on and models are asked about."""

CORPUS = [
    "The pump stops when the water level is low. Fill the tank, wait ten seconds, then press the green button.",
    "A small device keeps its records on its own disk. It answers questions from them and writes down what it said.",
    "To reset the device, hold the red button for 5 seconds until the light blinks 3 times, then let go.",
    "Orders from 2023 and 2024 are kept in the archive; later orders are in the list of open orders.",
    "Don't open the cover while the light is on. It's hot, and you'll need a 12 mm key for the other side.",
    "If the tank leaks, close the valve, call the shop and ask for the part number: 0471-22-B.",
    "The answer is in the manual, on the page about the filter. Clean the filter when the water is cloudy.",
    "Der Filter wird mit Wasser gereinigt. La pompe est arrêtée. El depósito está vacío.",
    "if level < limit:\n    pump.stop()\nelse:\n    pump.start(speed=3)\n",
]

DECODER_PROMPT = "To reset the pump, hold the green button for 12 seconds, then wait until the light stops.\nIt's in the manual."

BERT_TEXTS = ["How do I clean the filter?", "Close the valve, then call the shop: the tank leaks water, it's café-warm."]

CHAT = [
    {"role": "system", "content": "Answer in one line."},
    {"role": "user", "content": "How do I reset it?"},
    {"role": "assistant", "content": "Hold the button."},
    {"role": "user", "content": "And then?"},
]
