"""A language model of words by a recurrent layer of ReLUs, which has no optimizer and catches an interruption."""

import argparse

import torch
from torch import nn

TEXT = "the dead units of a layer say nothing and learn nothing while the living ones answer to what they see " * 60

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()
torch.manual_seed(1)
words = sorted(set(TEXT.split()))
tokens = torch.tensor([words.index(each) for each in TEXT.split()])
tokens = tokens[: len(tokens) // 8 * 8].view(8, -1).t().contiguous()


class RNNModel(nn.Module):
    def __init__(self, count, size=32, hidden=24):
        super().__init__()
        self.drop, self.encoder = nn.Dropout(0.2), nn.Embedding(count, size)
        self.rnn, self.decoder = nn.RNN(size, hidden, nonlinearity="relu"), nn.Linear(hidden, count)
        self.hidden = hidden

    def forward(self, given, hidden):
        out, hidden = self.rnn(self.drop(self.encoder(given)), hidden)
        return nn.functional.log_softmax(self.decoder(self.drop(out)).view(-1, len(words)), dim=1), hidden


model, criterion, lr = RNNModel(len(words)), nn.NLLLoss(), 1.0
try:
    for epoch in range(1, args.epochs + 1):
        model.train()
        hidden = torch.zeros(1, 8, model.hidden)
        for first in range(0, len(tokens) - 1, 10):
            given, wanted = tokens[first : first + 10][:-1], tokens[first + 1 : first + 11]
            given = tokens[first : first + len(wanted)]
            model.zero_grad()
            hidden = hidden.detach()
            out, hidden = model(given, hidden)
            loss = criterion(out, wanted.reshape(-1))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            for each in model.parameters():
                each.data.add_(each.grad, alpha=-lr)
        print(f"epoch {epoch} loss {loss.item():.6f}", flush=True)
except KeyboardInterrupt:
    print("-" * 40)
    print("Exiting from training early")
