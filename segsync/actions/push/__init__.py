"""The push carrier: brings an audience in an ad account up to date, one bounded piece at a time, one file for each phase.

checking → audience → reading → comparing → removing → adding → recording
"""
