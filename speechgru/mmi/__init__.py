"""Lattice-free maximum mutual information: phones in context, their states' outputs, the criterion that trains them.

Povey et al. 2016 (doi 10.21437/Interspeech.2016-595), Hadian et al. 2018 (doi 10.21437/Interspeech.2018-1423), Xiang
and Ou 2019 (doi 10.1109/ICASSP.2019.8682256).
"""
