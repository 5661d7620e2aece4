"""A convolutional network, functions for ReLUs, dropout and a scheduler: of the shape of many a first script."""

import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional
from torch.optim.lr_scheduler import StepLR


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(16 * 12 * 12, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.conv1(x))
        x = functional.relu(self.conv2(x))
        x = torch.flatten(self.dropout1(functional.max_pool2d(x, 2)), 1)
        x = self.dropout2(functional.relu(self.fc1(x)))
        return functional.log_softmax(self.fc2(x), dim=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(1)
    found = np.load(args.data)
    images = torch.from_numpy(found["images"].reshape(-1, 1, 28, 28) / 255).float()
    labels = torch.from_numpy(found["labels"].astype(np.int64))
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, args.epochs + 1):
        model.train()
        for first in range(0, len(images), 64):
            optimizer.zero_grad()
            loss = functional.nll_loss(model(images[first : first + 64]), labels[first : first + 64])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = (model(images[:500]).argmax(1) == labels[:500]).float().mean()
        print(f"epoch {epoch} loss {loss.item():.6f} right {right.item():.4f}", flush=True)
        scheduler.step()


if __name__ == "__main__":
    main()
