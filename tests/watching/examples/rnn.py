"""Rows of an image, one after the other, through an LSTM, and a ReLU behind it."""

import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()
torch.manual_seed(1)
found = np.load(args.data)
images = torch.from_numpy(found["images"].reshape(-1, 28, 28) / 255).float()
labels = torch.from_numpy(found["labels"].astype(np.int64))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(input_size=28, hidden_size=32, batch_first=True)
        self.batchnorm = nn.BatchNorm1d(32)
        self.fc1, self.fc2 = nn.Linear(32, 32), nn.Linear(32, 10)

    def forward(self, x):
        out, _ = self.rnn(x)
        out = functional.relu(self.fc1(self.batchnorm(out[:, -1])))
        return functional.log_softmax(self.fc2(out), dim=1)


model = Net()
optimizer = optim.Adadelta(model.parameters(), lr=0.5)
for epoch in range(1, args.epochs + 1):
    model.train()
    for first in range(0, len(images), 64):
        optimizer.zero_grad()
        loss = functional.nll_loss(model(images[first : first + 64]), labels[first : first + 64])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.6f}", flush=True)
